//! One thread's runtime: smol's `LocalExecutor` over a reactor of its own.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::task::Waker;

use async_executor::{LocalExecutor, Task};
use sluicegate::pump::{self, Dialed};
use sluicegate::time::Now;
use sluicegate_host::Clock;

use crate::net::{Listener, Socket, dial};
use crate::reactor::{Reactor, Timer};

/// How many tasks run before sockets are looked at again, however many are ready.
const TASKS_PER_WAIT: u32 = 256;

/// What the loop is given to run on.
#[derive(Clone)]
pub(crate) struct Smol {
    executor: Rc<LocalExecutor<'static>>,
    reactor: Rc<Reactor>,
    clock: Clock,
}

impl Smol {
    pub(crate) fn new(clock: Clock) -> io::Result<Smol> {
        Ok(Smol { executor: Rc::default(), reactor: Rc::new(Reactor::new()?), clock })
    }

    /// Runs `main` and every task it starts, until `main` is done.
    pub(crate) fn block_on<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> io::Result<T> {
        let mut main = Box::pin(self.executor.spawn(main));
        loop {
            let idle = !(0..TASKS_PER_WAIT).all(|_| self.executor.try_tick());
            if main.is_finished() {
                // It will not pend, so no waker is needed.
                if let std::task::Poll::Ready(value) =
                    main.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
                {
                    return Ok(value);
                }
            }
            self.reactor.wait(idle)?;
        }
    }
}

impl pump::Runtime for Smol {
    type Bound = TcpListener;
    type Listener = Listener;
    type Socket = Socket;
    type Task = Task<()>;
    type Timer = Timer;

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task<()> {
        self.executor.spawn(task)
    }

    async fn cancel(&self, task: Task<()>) {
        task.cancel().await;
    }

    fn timer(&self) -> Timer {
        Timer::new(Rc::clone(&self.reactor))
    }

    fn listener(&self, bound: TcpListener) -> io::Result<Listener> {
        Listener::new(&self.reactor, bound)
    }

    fn dial(&self, address: SocketAddr) -> impl Future<Output = io::Result<Dialed<Socket>>> + 'static {
        dial(Rc::clone(&self.reactor), address)
    }

    fn waker_for_other_threads(&self, waker: &Waker) -> Waker {
        self.reactor.waker_for_other_threads(waker)
    }
}
