//! One thread's runtime: a glommio executor.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::FutureExt;
use glommio::{LocalExecutor, LocalExecutorBuilder, Placement, Task, spawn_local};
use sluicegate::pump::{self, Dialed};
use sluicegate::time::Now;
use sluicegate_host::Clock;

use crate::net::{Listener, Socket, dial};

/// Memory that an executor registers with the kernel for file I/O, of which there is none here: the least that
/// glommio takes. Its default is 10 MiB.
const IO_MEMORY: usize = 64 << 10;

/// Makes an executor for the calling thread.
pub(crate) fn executor() -> Result<LocalExecutor, String> {
    let made = LocalExecutorBuilder::new(Placement::Unbound).io_memory(IO_MEMORY).make();
    made.map_err(|error| error.to_string())
}

/// Finds out whether executors can be made. Without io_uring glommio panics instead of saying so; this is the
/// one place where that is expected, so the panic says nothing on standard error.
pub(crate) fn preflight() -> Result<(), String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let made = panic::catch_unwind(|| executor().map(drop));
    panic::set_hook(hook);
    made.unwrap_or_else(|_| Err("the kernel lacks it, or it is forbidden".to_owned()))
}

/// What the loop is given to run on.
pub(crate) struct Glommio {
    clock: Clock,
}

impl Glommio {
    pub(crate) fn new(clock: Clock) -> Glommio {
        Glommio { clock }
    }
}

impl pump::Runtime for Glommio {
    type Bound = TcpListener;
    type Listener = Listener;
    type Socket = Socket;
    type Task = Task<()>;
    type Timer = Timer;

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task<()> {
        spawn_local(task)
    }

    async fn cancel(&self, task: Task<()>) {
        task.cancel().await;
    }

    fn timer(&self) -> Timer {
        Timer::Unset
    }

    fn listener(&self, bound: TcpListener) -> io::Result<Listener> {
        Listener::new(bound)
    }

    fn dial(&self, address: SocketAddr) -> impl Future<Output = io::Result<Dialed<Socket>>> + 'static {
        dial(address)
    }

    fn waker_for_other_threads(&self, waker: &Waker) -> Waker {
        // glommio's wakers know their thread, and ring its eventfd from others.
        waker.clone()
    }
}

/// An alarm; glommio's own timers are futures that begin when they are made.
pub(crate) enum Timer {
    /// Not set, or it went off.
    Unset,
    /// Set, and not waited for since.
    Set(Duration),
    Running(glommio::timer::Timer),
}

/// The shortest wait: one that is over when it is first looked at would go off before the sockets were looked at.
const MOMENT: Duration = Duration::from_micros(1);

impl pump::Timer for Timer {
    fn set(&mut self, after: Duration) {
        *self = Timer::Set(after.max(MOMENT));
    }

    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Timer::Unset => Poll::Pending,
            Timer::Set(after) => {
                let mut after = *after;
                let mut timer = glommio::timer::Timer::new(after);
                while timer.poll(cx).is_ready() {
                    after *= 2;
                    timer = glommio::timer::Timer::new(after);
                }
                *self = Timer::Running(timer);
                Poll::Pending
            }
            Timer::Running(timer) => {
                let polled = timer.poll(cx).map(drop);
                if polled.is_ready() {
                    *self = Timer::Unset;
                }
                polled
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use sluicegate::pump::Timer as _;

    use super::*;

    #[test]
    fn an_alarm_of_no_length_goes_off_once_the_sockets_were_looked_at() {
        // Without io_uring there is nothing to test.
        if preflight().is_err() {
            return;
        }
        let executor = executor().expect("made a moment ago");
        executor.run(async {
            let mut timer = Timer::Unset;
            for _ in 0..100 {
                timer.set(Duration::ZERO);
                assert!(timer.poll_elapsed(&mut Context::from_waker(Waker::noop())).is_pending());
                poll_fn(|cx| timer.poll_elapsed(cx)).await;
            }
            assert!(timer.poll_elapsed(&mut Context::from_waker(Waker::noop())).is_pending(), "it went off");
        });
    }
}
