//! A stream of futures-io, which smol and async-std use, through `tokio_util::compat`; and an executor
//! that is not tokio's. Without a runtime of tokio there are no timers: heartbeat, idle time and
//! deadlines are for the caller to keep.

use futures_util::future::join;
use futures_util::io::{AsyncRead, AsyncWrite};
use tokio_util::compat::FuturesAsyncReadCompatExt;
use wscodec::CloseCode;
use wscodec::session::Policy;
use wscodec_tokio::{Connector, Error, Message};

pub(crate) async fn serve<S>(stream: S) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut ws = wscodec_tokio::accept(stream.compat(), &Policy::DEFAULT).await?;
    while let Some(message) = ws.recv().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

pub(crate) async fn ask<S>(stream: S, question: &str) -> Result<Option<Message>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let url = "ws://example.com/";
    let mut ws = Connector::new().connect_on(stream.compat(), url).await?;
    ws.send(question).await?;
    let answer = ws.recv().await.transpose()?;
    ws.close(CloseCode::NORMAL, "").await?;
    Ok(answer)
}

pub(crate) fn main() -> Result<(), Error> {
    use tokio_util::compat::TokioAsyncReadCompatExt;
    // A pipe with the traits of futures-io.
    let (here, there) = tokio::io::duplex(100);
    let (here, there) = (here.compat(), there.compat());
    futures_executor::block_on(async {
        let (served, answer) = join(serve(here), ask(there, "Hello")).await;
        served?;
        println!("{:?}", answer?);
        Ok(())
    })
}
