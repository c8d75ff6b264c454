//! A service in trouble.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::{InterruptedBody, TroubledBody};
use super::{Trouble, Troubles};
use crate::serve::Connection;

/// A service around which there are [`Troubles`]. Cheap to clone if the service is.
#[derive(Clone, Debug)]
pub struct Troubled<S> {
    service: S,
    troubles: Troubles,
}

impl<S> Troubled<S> {
    pub(super) fn new(service: S, troubles: Troubles) -> Self {
        Self { service, troubles }
    }
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl<S, B, A> Service<Request<B>> for Troubled<S>
where
    S: Service<Request<InterruptedBody<B>>, Response = Response<A>, Error: Into<BoxError>>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    A: Body<Data = Bytes> + Send + 'static,
    A::Error: Into<BoxError>,
{
    type Response = Response<TroubledBody<A>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let troubles = self.troubles.strike(&request);
        // The one that was asked whether it is ready is the one that is called.
        let next = self.service.clone();
        let service = std::mem::replace(&mut self.service, next);
        Box::pin(answer(service, request, troubles))
    }
}

async fn answer<S, B, A>(
    mut service: S,
    request: Request<B>,
    troubles: Vec<Trouble>,
) -> Result<Response<TroubledBody<A>>, BoxError>
where
    S: Service<Request<InterruptedBody<B>>, Response = Response<A>, Error: Into<BoxError>>,
{
    let connection = request.extensions().get::<Connection>().cloned();
    let (mut own, mut is_lost, mut taken) = (None, false, None);
    for trouble in &troubles {
        match trouble {
            Trouble::Delay(time) => tokio::time::sleep(*time).await,
            Trouble::Answer(answer) => own = own.or(Some(answer.clone())),
            Trouble::Lose => is_lost = true,
            Trouble::HangUp(at) => taken = Some(*at),
            _ => {}
        }
    }
    let answer = if let Some(answer) = own {
        answer.map(TroubledBody::own)
    } else {
        let request = request.map(|body| InterruptedBody::new(body, taken));
        service.call(request).await.map_err(Into::into)?.map(TroubledBody::new)
    };
    if is_lost || taken.is_some() {
        return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
    }
    Ok(answer.map(|mut body| {
        for trouble in &troubles {
            body.suffer(trouble, connection.as_ref());
        }
        body
    }))
}
