//! What engines, their libraries and the languages they are written in print when something is wrong: the table behind [`crate::cause`].

use crate::cause::Cause;

/// Text in small letters that is looked for in a line in small letters. Within a line the first that is found counts, so that the
/// specific stands before the general.
pub(crate) const TEXTS: &[(Cause, &[&str])] = &[
    (
        Cause::CacheMemory,
        &[
            "no available memory for the cache blocks",
            "larger than the available kv cache memory",
            "larger than the maximum number of tokens that can be stored in kv cache",
            "increase --mem-fraction-static",
            "failed to allocate kv cache",
            "failed to create context with model",
        ],
    ),
    (
        Cause::DeviceMemory,
        &[
            "cuda out of memory",
            "hip out of memory",
            "npu out of memory",
            "xpu out of memory",
            "mps backend out of memory",
            "cuda error: out of memory",
            "cuda_error_out_of_memory",
            "hiperroroutofmemory",
            "hip error: out of memory",
            "outofmemoryerror",
            "cudamalloc failed: out of memory",
            "hipmalloc failed: out of memory",
            "is less than desired gpu memory utilization",
            "nrt_resource",
            "resource_exhausted",
        ],
    ),
    (
        Cause::DiskFull,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        Cause::HostMemory,
        &[
            "cannot allocate memory",
            "std::bad_alloc",
            "defaultcpuallocator: can't allocate memory",
            "defaultcpuallocator: not enough memory",
            "unable to allocate shared memory",
            "insufficient shared memory",
            "unable to mmap",
            "memory allocation of",
            "memoryerror",
            "javascript heap out of memory",
        ],
    ),
    (
        Cause::NoDevice,
        &[
            "no cuda gpus are available",
            "no hip gpus are available",
            "no cuda-capable device is detected",
            "failed to infer device type",
            "invalid device ordinal",
        ],
    ),
    (
        Cause::Driver,
        &[
            "driver version is insufficient",
            "driver on your system is too old",
            "found no nvidia driver",
            "libcuda.so",
            "driver/library version mismatch",
            "no kernel image is available",
            "hiperrornobinaryforgpu",
            "unsupported display driver",
            "system has unsupported",
            "cuda initialization: unexpected error",
            "libascendcl.so",
            "libhsa-runtime",
        ],
    ),
    (
        Cause::Collective,
        &[
            "ncclsystemerror",
            "ncclunhandledcudaerror",
            "nccl error",
            "rccl error",
            "hccl error",
        ],
    ),
    (
        Cause::HubAccess,
        &[
            "gated repo",
            "gatedrepoerror",
            "repositorynotfounderror",
            "repository not found",
            "not a valid model identifier",
            "401 client error",
            "403 client error",
            "invalid user token",
        ],
    ),
    (
        Cause::HubOffline,
        &[
            "couldn't connect to 'https://huggingface.co'",
            "localentrynotfounderror",
            "offlinemodeisenabled",
            "cannot find the requested files in the disk cache",
            "failed to resolve 'huggingface.co'",
        ],
    ),
    (
        Cause::ModelDamaged,
        &[
            "error while deserializing header",
            "metadataincompletebuffer",
            "headertoolarge",
            "file bounds, model is corrupted or incomplete",
            "invalid magic",
            "failed to read key-value pairs",
            "unexpected end of file",
            "pytorchstreamreader failed",
        ],
    ),
    (
        Cause::ModelUnsupported,
        &[
            "are not supported for now",
            "does not recognize this architecture",
            "unknown model architecture",
            "unsupported model architecture",
            "unsupported architecture",
        ],
    ),
    (
        Cause::Tokenizer,
        &[
            "must provide a chat template",
            "chat_template is not set",
            "chat template is no longer allowed",
            "failed to parse chat template",
            "error loading vocabulary",
            "can't load tokenizer",
            "couldn't instantiate the backend tokenizer",
            "unknown pre-tokenizer type",
        ],
    ),
    (
        Cause::ModelMissing,
        &[
            "failed to open gguf file",
            "cannot find any model weights",
            "no safetensors",
            "error no file named",
            "does not appear to have a file named",
            "can't load the configuration of",
            "is not a local folder",
            "failed to load model",
            "model not found",
            "model path does not exist",
        ],
    ),
    (
        Cause::Library,
        &[
            "error while loading shared libraries",
            "cannot open shared object file",
            "undefined symbol",
        ],
    ),
    (
        Cause::Import,
        &[
            "modulenotfounderror",
            "no module named",
            "importerror",
            "cannot find module",
        ],
    ),
    (
        Cause::Argument,
        &[
            "unrecognized arguments",
            "unrecognized option",
            "unknown option",
            "unexpected argument",
            "invalid argument: -",
            "unknown argument",
            "no such option",
            "flag provided but not defined",
            "invalid choice:",
            "the following arguments are required",
        ],
    ),
    (Cause::Descriptors, &["too many open files"]),
    (
        Cause::Permission,
        &[
            "permission denied",
            "permissionerror",
            "operation not permitted",
        ],
    ),
];

/// How Python, Rust, Go, C++ and Node say that an address is in use, in small letters.
pub(crate) const PORT: &[&str] = &[
    "address already in use",
    "address in use",
    "eaddrinuse",
    "addrinuse",
    "only one usage of each socket address",
    "couldn't bind http server socket",
    "couldn't bind to server socket",
    "port is already allocated",
];
/// A line that says one of these as well is of a program that helps itself.
pub(crate) const HELPS_ITSELF: &[&str] = &[
    "trying port",
    "trying another",
    "trying next",
    "trying the next",
    "try another",
    "retry",
    "using port",
    "next port",
];
