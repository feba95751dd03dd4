//! The server of the binary: every connection bounded, maps side by side, some of them maybe still being opened.

pub(super) mod connection; // one connection, cut off when it asks for too much or takes too little
mod registry; // the open connections
mod root; // what is answered besides the maps

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use actix_web::web;
use socket2::{Domain, Socket, Type};

use super::guard::Hosts;
use super::resources::Resources;
use super::slot::Slot;
use connection::{Bounded, Bounds, FULL};
use registry::Registry;

/// Connections that wait to be accepted; the system may allow fewer (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Connections that each worker takes above its share, for those that are being closed.
const SPARE: usize = 32;

/// Maps side by side, and how they are served.
#[derive(Clone)]
pub struct Site {
    /// The maps under their paths.
    pub maps: Vec<(String, web::Data<Slot>)>,
    /// Hosts that are answered.
    pub hosts: Hosts,
    /// What the maps share.
    pub resources: Arc<Resources>,
}

/// A server that is bound and not yet running.
pub struct BoundServer {
    site: Site,
    listeners: Vec<(SocketAddr, TcpListener)>,
    connections: usize,
}

impl BoundServer {
    /// Binds every address of a listen text such as `0.0.0.0:8080`, and raises the limit of file descriptors.
    ///
    /// # Errors
    /// When no address can be bound.
    pub fn bind(site: Site, listen: &str) -> io::Result<Self> {
        use std::net::ToSocketAddrs as _;
        let (mut listeners, mut failed) = (Vec::new(), None);
        for address in listen.to_socket_addrs()? {
            match listener(address) {
                Ok(listener) => listeners.push((listener.local_addr()?, listener)),
                Err(error) => failed = Some(error),
            }
        }
        if listeners.is_empty() {
            return Err(failed.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
        let connections = connections(site.resources.limits.connections);
        Ok(Self { site, listeners, connections })
    }

    /// The addresses that are bound.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|(address, _)| *address).collect()
    }

    /// Serves until the process is asked to stop: requests in flight finish, a second signal ends them.
    ///
    /// # Errors
    /// When the system refuses threads or signals.
    pub fn run(self) -> io::Result<()> {
        actix_web::rt::System::new().block_on(async move { self.serve()?.await })
    }

    fn serve(self) -> io::Result<actix_server::Server> {
        let limits = self.site.resources.limits.clone();
        let registry =
            Arc::new(Registry::new(self.connections, limits.connections_per_address.min(self.connections.div_ceil(2))));
        let mut server = actix_server::Server::build()
            .workers(limits.workers)
            .max_concurrent_connections(self.connections.div_ceil(limits.workers) + SPARE)
            .shutdown_timeout(limits.shutdown_timeout_s)
            .shutdown_signal(stopped(Arc::clone(&self.site.resources))?);
        let closing = server.graceful_shutdown_signal();
        for (address, listener) in self.listeners {
            let (site, registry, closing) = (self.site.clone(), Arc::clone(&registry), closing.clone());
            server = server.listen("orthotile", listener, move || {
                let closing = closing.clone();
                let signal = move || {
                    let closing = closing.clone();
                    async move { closing.notified().await }
                };
                let limits = &site.resources.limits;
                let http = HttpService::<Bounded, _, _>::build()
                    .graceful_shutdown_signal(signal)
                    .keep_alive(KeepAlive::Timeout(Duration::from_secs(limits.keep_alive_s)))
                    // The stream has time-outs of its own, for every request.
                    .client_request_timeout(Duration::ZERO)
                    .client_disconnect_timeout(Duration::from_secs(1))
                    // A client that closes has left: what it asked for is dropped.
                    .h1_allow_half_closed(false)
                    .local_addr(address)
                    .on_connect_ext(|io: &Bounded, extensions| {
                        extensions.insert(Arc::clone(io.connection()));
                    })
                    .finish(map_config(root::app(&site), |()| AppConfig::default()));
                accepted(&site, &registry).and_then(http)
            })?;
        }
        Ok(server.run())
    }
}

/// Admits connections to the table, and turns away those for which there is no room.
fn accepted(
    site: &Site,
    registry: &Arc<Registry>,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (Bounded, Protocol, Option<SocketAddr>),
    Error = DispatchError,
    InitError = (),
> + use<> {
    let (limits, registry) = (&site.resources.limits, Arc::clone(registry));
    let bounds = Bounds {
        header_bytes: limits.header_bytes,
        header_timeout: Duration::from_secs(limits.header_timeout_s),
        write_timeout: Duration::from_secs(limits.write_timeout_s),
    };
    fn_service(move |io: TcpStream| {
        let registry = Arc::clone(&registry);
        async move {
            let peer = io.peer_addr().map_err(DispatchError::Io)?;
            let Some(connection) = registry.admit(peer.ip()) else {
                let _ = io.try_write(FULL); // the client sees that the connection ends in any case
                return Err(DispatchError::DisconnectTimeout);
            };
            Ok((Bounded::new(io, connection, bounds), Protocol::Http1, Some(peer)))
        }
    })
}

/// A listening socket whose address can be bound again at once after a restart. The standard library's queue of 128 is
/// short: a client whose connection does not fit asks again after a second.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Connections that the system has file descriptors for, at most those that are wanted.
fn connections(wanted: usize) -> usize {
    let files = match rlimit::increase_nofile_limit(rlimit::INFINITY) {
        Ok(files) => usize::try_from(files).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            1024
        }
    };
    // The rest is for imagery, label blocks and connections that are being closed.
    let room = (files / 4 * 3).max(8);
    if room < wanted {
        tracing::warn!("{files} open files are allowed: {room} connections at most, not {wanted} (raise `ulimit -Hn`)");
    }
    wanted.min(room)
}

/// Resolves at the first SIGINT or SIGTERM; a second one ends the process.
fn stopped(resources: Arc<Resources>) -> io::Result<impl Future<Output = ()> + Send> {
    use actix_web::rt::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        }
    };
    let (first, asked) = tokio::sync::oneshot::channel();
    actix_web::rt::spawn(async move {
        next().await;
        resources.close();
        let _ = first.send(()); // the server may have ended by itself
        std::process::exit(next().await);
    });
    Ok(async move {
        let _ = asked.await;
    })
}
