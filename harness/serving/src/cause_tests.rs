//! Lines as the engines print them, and what they mean.

use super::*;

#[test]
fn lines_of_engines_are_classified() {
    let table: &[(&str, Cause)] = &[
        // vLLM and torch
        (
            "(EngineCore_DP0 pid=71) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB",
            Cause::DeviceMemory,
        ),
        (
            "ERROR 11-18 18:07:28 engine.py:366] ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
            Cause::CacheMemory,
        ),
        (
            "ValueError: Free memory on device (3.2/23.65 GiB) on startup is less than desired GPU memory utilization (0.9, 21.28 GiB).",
            Cause::DeviceMemory,
        ),
        (
            "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is needed, which is larger than the available KV cache memory (2.05 GiB).",
            Cause::CacheMemory,
        ),
        (
            "OSError: You are trying to access a gated repo.",
            Cause::HubAccess,
        ),
        (
            "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: Root=1-x)",
            Cause::HubAccess,
        ),
        (
            "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the cached files.",
            Cause::HubOffline,
        ),
        (
            "vllm: error: unrecognized arguments: --enable-everything",
            Cause::Argument,
        ),
        (
            "ValueError: Model architectures ['FooForCausalLM'] are not supported for now. Supported architectures: dict_keys([])",
            Cause::ModelUnsupported,
        ),
        (
            "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
            Cause::ModelDamaged,
        ),
        (
            "RuntimeError: The NVIDIA driver on your system is too old (found version 11040).",
            Cause::Driver,
        ),
        (
            "RuntimeError: CUDA error: no kernel image is available for execution on the device",
            Cause::Driver,
        ),
        ("RuntimeError: No CUDA GPUs are available", Cause::NoDevice),
        ("RuntimeError: Failed to infer device type", Cause::NoDevice),
        (
            "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:3356, internal error",
            Cause::Collective,
        ),
        (
            "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory",
            Cause::Library,
        ),
        (
            "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
            Cause::Driver,
        ),
        (
            "ModuleNotFoundError: No module named 'flash_attn'",
            Cause::Import,
        ),
        (
            "PermissionError: [Errno 13] Permission denied: '/models/a'",
            Cause::Permission,
        ),
        (
            "OSError: [Errno 28] No space left on device",
            Cause::DiskFull,
        ),
        (
            "OSError: [Errno 24] Too many open files",
            Cause::Descriptors,
        ),
        (
            "RuntimeError: DataLoader worker is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory / insufficient shared memory (shm)",
            Cause::HostMemory,
        ),
        (
            "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 1 GiB",
            Cause::DeviceMemory,
        ),
        (
            "RuntimeError: NPU out of memory. Tried to allocate 20.00 MiB",
            Cause::DeviceMemory,
        ),
        // SGLang
        (
            "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: self.server_args.mem_fraction_static=0.2",
            Cause::CacheMemory,
        ),
        // llama.cpp
        (
            "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4096.00 MiB on device 0: cudaMalloc failed: out of memory",
            Cause::DeviceMemory,
        ),
        (
            "main: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080",
            Cause::PortTaken,
        ),
        (
            "gguf_init_from_file: failed to open GGUF file '/models/none.gguf'",
            Cause::ModelMissing,
        ),
        (
            "llama_model_load: error loading model: tensor 'x' data is not within the file bounds, model is corrupted or incomplete",
            Cause::ModelDamaged,
        ),
        (
            "llama_model_load: error loading model: unknown model architecture: 'gemma9'",
            Cause::ModelUnsupported,
        ),
        ("error: invalid argument: --no-such-flag", Cause::Argument),
        (
            "llama_model_load: error loading model: error loading vocabulary: unknown pre-tokenizer type: 'x'",
            Cause::Tokenizer,
        ),
        // transformers
        (
            "ValueError: Cannot use chat template functions because tokenizer.chat_template is not set and no template argument was passed!",
            Cause::Tokenizer,
        ),
        (
            "OSError: /models/half does not appear to have a file named config.json.",
            Cause::ModelMissing,
        ),
        (
            "OSError: Can't load tokenizer for '/models/x'.",
            Cause::Tokenizer,
        ),
        // languages
        (
            "OSError: [Errno 98] Address already in use",
            Cause::PortTaken,
        ),
        (
            "[Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
            Cause::PortTaken,
        ),
        (
            "Error: Os { code: 98, kind: AddrInUse, message: \"Address already in use\" }",
            Cause::PortTaken,
        ),
        (
            "listen tcp 127.0.0.1:8000: bind: address already in use",
            Cause::PortTaken,
        ),
        (
            "Error: listen EADDRINUSE: address already in use 127.0.0.1:8000",
            Cause::PortTaken,
        ),
        ("bind: Address already in use [system:98]", Cause::PortTaken),
        ("Error: Cannot find module 'express'", Cause::Import),
        (
            "./server: error while loading shared libraries: libfoo.so.1: cannot open shared object file",
            Cause::Library,
        ),
        (
            "terminate called after throwing an instance of 'std::bad_alloc'",
            Cause::HostMemory,
        ),
        ("flag provided but not defined: -prot", Cause::Argument),
    ];
    for (line, expected) in table {
        assert_eq!(of_line(line), Some(*expected), "{line}");
    }
}

#[test]
fn lines_of_health_are_no_cause() {
    for line in [
        "INFO: Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
        "INFO 01-01 gpu_worker.py] Available KV cache memory: 12.3 GiB",
        "Port 29500 is already in use, trying port 29501",
        "bind: address already in use, retrying in 1 s",
        "",
    ] {
        assert_eq!(of_line(line), None, "{line}");
    }
}

#[test]
fn the_last_specific_line_counts() {
    let log = "ModuleNotFoundError: No module named 'optional'\nINFO fine without\n\
        torch.OutOfMemoryError: CUDA out of memory.\nERROR failed to load model\n";
    assert_eq!(likely(log, None), Some(Cause::DeviceMemory));
    assert_eq!(
        likely("failed to load model\nexit", None),
        Some(Cause::ModelMissing)
    );
    assert_eq!(likely("all is well", None), None);
    let log = "x\n[Errno 98] address already in use\nShutting down";
    assert_eq!(port_line(log), Some("[Errno 98] address already in use"));
}

#[cfg(unix)]
#[test]
fn then_the_way_it_ended() {
    use std::os::unix::process::ExitStatusExt;
    for (raw, expected) in [
        (9, Some(Cause::Killed)),
        (11, Some(Cause::Crashed)),
        (4, Some(Cause::Processor)),
        (0, Some(Cause::Ended)),
        (127 << 8, Some(Cause::CommandMissing)),
        (137 << 8, Some(Cause::Killed)),
        (3 << 8, None),
    ] {
        assert_eq!(
            likely("", Some(ExitStatus::from_raw(raw))),
            expected,
            "{raw}"
        );
    }
    // What the log says is more than how it ended.
    let exit = Some(ExitStatus::from_raw(9));
    assert_eq!(
        likely("No space left on device", exit),
        Some(Cause::DiskFull)
    );
}
