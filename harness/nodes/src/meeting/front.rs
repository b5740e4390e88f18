//! The one address of a layout on the machine of the conductor: what connects there is taken to where requests go.
//!
//! Promise: nothing is looked at or kept; a side that ends ends the other. Nobody is taken anywhere before the layout is ready: whoever connects waits, as the listener's queue
//! does by itself. Rejected: speaking HTTP here (a fault on the way must arrive as it is).

use std::io;

use tokio::net::{TcpListener, TcpStream};

/// Takes every connection to the base, for ever.
pub(crate) async fn serve(front: TcpListener, base: String) -> io::Error {
    loop {
        match front.accept().await {
            Ok((client, _)) => {
                let base = base.clone();
                tokio::spawn(async move {
                    // A client whose server is not there sees its connection closed.
                    let _ = take(client, &base).await;
                });
            }
            // Out of descriptors: some come back.
            Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(e) => return e,
        }
    }
}

async fn take(mut client: TcpStream, base: &str) -> io::Result<()> {
    let mut server = TcpStream::connect(base).await?;
    // Streams of tokens are small pieces, and each is waited for.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
