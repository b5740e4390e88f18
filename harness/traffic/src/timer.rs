//! Waits for an instant, more exactly than tokio's timer, whose steps are a millisecond.
//!
//! Rejected: waking early and spinning for the rest (it takes the processor from the server where both share one).

use std::time::Duration;

#[cfg(target_os = "linux")]
mod exact {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    /// A timer of the kernel.
    #[derive(Debug)]
    pub(crate) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// Within a runtime.
        pub(crate) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            crate::sys::watched(fd).map(Self)
        }

        pub(super) async fn wait(&mut self, long: Duration) -> io::Result<()> {
            let zero = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let value = Timespec {
                tv_sec: long.as_secs() as i64,
                tv_nsec: long.subsec_nanos().into(),
            };
            let once = Itimerspec {
                it_interval: zero,
                it_value: value,
            };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            loop {
                let mut ready = self.0.readable_mut().await?;
                let mut count = [0u8; 8];
                let read = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut count)?));
                if let Ok(read) = read {
                    return read.map(|_| ());
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod exact {
    use std::io;
    use std::time::Duration;

    /// tokio's timer: exact to a millisecond or two.
    #[derive(Debug)]
    pub(crate) struct Timer;

    impl Timer {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn wait(&mut self, long: Duration) -> io::Result<()> {
            tokio::time::sleep(long).await;
            Ok(())
        }
    }
}

pub(crate) use exact::Timer;

impl Timer {
    /// Waits so many nanoseconds.
    pub(crate) async fn sleep(&mut self, nanoseconds: u64) {
        let long = Duration::from_nanos(nanoseconds);
        // A zero would disarm it. Where the kernel refuses, the coarse timer is better than none.
        if !long.is_zero() && self.wait(long).await.is_err() {
            tokio::time::sleep(long).await;
        }
    }
}
