//! A small OpenAI-compatible server that goes wrong in one way: `fault-server FAULT PORT`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

fn again(fault: &str, port: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([fault, port]);
    command
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, fault, port] = args.as_slice() else {
        eprintln!("usage: fault-server FAULT PORT");
        std::process::exit(2);
    };
    println!("loading the model");
    match fault.as_str() {
        "exits" => {
            eprintln!("OSError: /models/tiny does not appear to have a file named config.json");
            std::process::exit(3);
        }
        "aborts" => std::process::abort(),
        "says_out_of_memory" => {
            println!("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB");
            forever();
        }
        "never_listens" => forever(),
        "listens_elsewhere" => {
            let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
            serve(&elsewhere, "none");
        }
        "is_not_the_one_that_listens" => {
            let asked = Command::new("setsid").arg("--fork").arg(&args[0]).args(["none", port]).status();
            println!("somebody else was asked to listen: {asked:?}");
            forever();
        }
        "forks_and_exits" => {
            again("none", port).spawn().expect("a child");
            return;
        }
        "leaves_a_child" => {
            let asked = Command::new("setsid").arg("--fork").arg(&args[0]).args(["never_listens", port]).status();
            println!("a child in a session of its own: {asked:?}");
        }
        "leaves_shared_memory" => {
            let path = format!("/dev/shm/fault-server-{}", std::process::id());
            let file = std::fs::File::create(&path).and_then(|mut f| f.write_all(&[1; 4096]).map(|()| f));
            println!("shared memory: {}", file.is_ok());
            // Kept open, as a mapped segment would be.
            std::mem::forget(file);
        }
        "floods_its_log" => {
            let line = [b'x'; 1023];
            let mut out = std::io::stdout().lock();
            for _ in 0..4 * 1024 {
                out.write_all(&line).and_then(|()| out.write_all(b"\n")).expect("the log");
            }
        }
        "prints_a_secret" => println!("the key is {}", std::env::var("FAULT_API_KEY").unwrap_or_default()),
        _ => {}
    }
    let listener = match TcpListener::bind(format!("127.0.0.1:{port}")) {
        Ok(listener) => listener,
        Err(e) => {
            eprintln!("cannot listen on {port}: {e}");
            std::process::exit(1);
        }
    };
    serve(&listener, fault);
}

fn serve(listener: &TcpListener, fault: &str) -> ! {
    for stream in listener.incoming().flatten() {
        let fault = fault.to_owned();
        std::thread::spawn(move || drop(answer(stream, &fault)));
    }
    forever();
}

fn answer(mut stream: TcpStream, fault: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut request = vec![0; length];
        reader.read_exact(&mut request)?;
        let request = String::from_utf8_lossy(&request);
        let path = first.split_whitespace().nth(1).unwrap_or("");
        let completion = path.ends_with("completions");
        let (status, body) = match (path, fault) {
            (_, "answers_500") => ("500 Internal Server Error", r#"{"error":{"message":"the engine is dead"}}"#.to_owned()),
            (_, "loads_for_ever") => ("503 Service Unavailable", r#"{"error":{"message":"Loading model"}}"#.to_owned()),
            ("/health", _) => ("200 OK", "{}".to_owned()),
            ("/v1/models", "serves_another_model") => ("200 OK", r#"{"object":"list","data":[{"id":"somebody-elses-model"}]}"#.to_owned()),
            ("/v1/models", _) => ("200 OK", r#"{"object":"list","data":[{"id":"tiny"}]}"#.to_owned()),
            (_, "makes_no_token") if completion => ("500 Internal Server Error", r#"{"error":{"message":"no KV cache blocks"}}"#.to_owned()),
            (_, "hangs_on_the_first_token") if completion => forever(),
            (_, "dies_when_asked") if request.contains("go") => {
                println!("Fatal Python error: Segmentation fault");
                std::process::exit(139);
            }
            _ => (
                "200 OK",
                r#"{"id":"c","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#.to_owned(),
            ),
        };
        write!(stream, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
}
