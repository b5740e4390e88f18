//! The platforms that Tribunal can look for, and what each is called in a sentence.
//!
//! Promise: one table; the vocabulary may know more platforms, a need for one of those is answered with this list.
//! Rejected: reading the platforms from the vocabulary, since finding a device is code and not data.

/// A platform that a source exists for.
pub struct Platform {
    /// Its name in the vocabulary: `cuda`.
    pub name: &'static str,
    /// The maker, as in "no NVIDIA device here".
    pub maker: &'static str,
    /// Where its devices are looked for.
    pub looked_in: &'static str,
}

/// Every platform that a source exists for.
pub const PLATFORMS: [Platform; 6] = [
    Platform {
        name: "cuda",
        maker: "NVIDIA",
        looked_in: "NVML, /proc/driver/nvidia",
    },
    Platform {
        name: "rocm",
        maker: "AMD",
        looked_in: "/sys/class/drm, vendor 0x1002",
    },
    Platform {
        name: "xpu",
        maker: "Intel",
        looked_in: "/sys/class/drm, vendor 0x8086, not on PCI bus 0",
    },
    Platform {
        name: "npu",
        maker: "Ascend",
        looked_in: "/dev/davinci*",
    },
    Platform {
        name: "musa",
        maker: "Moore Threads",
        looked_in: "/dev/mtgpu*",
    },
    Platform {
        name: "neuron",
        maker: "AWS Neuron",
        looked_in: "/dev/neuron*",
    },
];

/// The variables of the environment that hide devices from programs, in the order in which they are applied.
pub const VISIBILITY_VARIABLES: [&str; 8] = [
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
    "ASCEND_RT_VISIBLE_DEVICES",
    "MUSA_VISIBLE_DEVICES",
    "NEURON_RT_VISIBLE_CORES",
];

pub(crate) fn platform(name: &str) -> Option<&'static Platform> {
    PLATFORMS.iter().find(|platform| platform.name == name)
}
