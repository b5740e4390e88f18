//! The calls that have no safe wrapper: leaving namespaces, and memory of a card of NVIDIA.
//!
//! All unsafe code of this crate stands here.

use std::io;

/// Gives this process user and mount namespaces of its own. The kernel refuses it to a process with several threads.
pub(crate) fn unshare_user_and_mounts() -> io::Result<()> {
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    // SAFETY: neither of the two lets threads of this process disagree about descriptors or memory, which is what makes other flags unsafe; and
    // with more than one thread the kernel refuses the first.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)? };
    Ok(())
}

#[cfg(feature = "cuda")]
pub(crate) use cuda::CudaCard;

#[cfg(feature = "cuda")]
mod cuda {
    use std::sync::Arc;

    use cudarc::driver::{CudaContext, result, sys};

    use crate::card::Card;

    /// A card of NVIDIA. What is taken of it is given back when the process ends.
    pub(crate) struct CudaCard(Arc<CudaContext>);

    impl CudaCard {
        /// The card of this number, as `CUDA_VISIBLE_DEVICES` counts.
        pub(crate) fn open(number: usize) -> Result<CudaCard, String> {
            // SAFETY: it opens and closes the driver's own library under its official names, whose initialisers are meant to run in any process.
            if !unsafe { sys::is_culib_present() } {
                return Err("there is no CUDA driver here".into());
            }
            let context = CudaContext::new(number);
            let context = context.map_err(|error| format!("card {number}: {error}"))?;
            Ok(CudaCard(context))
        }
    }

    impl Card for CudaCard {
        fn free_and_total(&mut self) -> Result<(u64, u64), String> {
            let (free, total) = self.0.mem_get_info().map_err(|error| error.to_string())?;
            Ok((free as u64, total as u64))
        }

        fn take(&mut self, bytes: u64) -> Result<bool, String> {
            let length = usize::try_from(bytes).map_err(|error| error.to_string())?;
            self.0.bind_to_thread().map_err(|error| error.to_string())?;
            // SAFETY: the context is current on this thread; the fill stays within the allocation that was just made, which is never freed.
            let taken = unsafe {
                result::malloc_sync(length).and_then(|at| result::memset_d8_sync(at, 1, length))
            };
            match taken {
                Ok(()) => Ok(true),
                Err(error) if error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Ok(false),
                Err(error) => Err(error.to_string()),
            }
        }

        fn uuid(&self) -> Option<String> {
            let bytes = self.0.uuid().ok()?.bytes;
            let hex: String = bytes.iter().map(|b| format!("{:02x}", *b as u8)).collect();
            let group = |range: std::ops::Range<usize>| hex.get(range);
            Some(format!(
                "GPU-{}-{}-{}-{}-{}",
                group(0..8)?,
                group(8..12)?,
                group(12..16)?,
                group(16..20)?,
                group(20..32)?
            ))
        }
    }
}
