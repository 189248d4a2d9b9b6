//! The host's own table, which a plugin calls while it trains.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use arborist_shared::run::{LogLevel, RunEvent};

use crate::events::HostCallbacks;
use crate::seam::{HostTable, Slice};

/// Lives on the host's stack for one call of `train`.
pub(super) struct CallContext<'a> {
    callbacks: &'a dyn HostCallbacks,
    /// First panic of a callback: it must not unwind into the plugin, so it is kept until `train` returns.
    fault: Mutex<Option<String>>,
}

impl<'a> CallContext<'a> {
    pub(super) fn new(callbacks: &'a dyn HostCallbacks) -> Self {
        Self {
            callbacks,
            fault: Mutex::new(None),
        }
    }

    /// The table to hand out; it is valid for as long as `self` is.
    pub(super) fn table(&self) -> HostTable {
        HostTable {
            size: size_of::<HostTable>() as u32,
            context: (&raw const *self).cast(),
            emit,
            is_cancelled,
        }
    }

    /// What went wrong on the host's side during the call.
    pub(super) fn fault(self) -> Option<String> {
        self.fault
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn guard<T>(&self, otherwise: T, body: impl FnOnce() -> T) -> T {
        panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
            let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            fault.get_or_insert_with(|| {
                format!(
                    "the host panicked while it took an event: {}",
                    message(&*payload)
                )
            });
            otherwise
        })
    }

    fn has_fault(&self) -> bool {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

unsafe extern "C" fn emit(context: *const c_void, event: Slice) {
    // SAFETY: the context is the one of `table`, alive until `train` returns; shared references are fine on any thread,
    // because callbacks are `Sync` and the fault has a lock.
    let context = unsafe { &*context.cast::<CallContext<'_>>() };
    context.guard((), || {
        // SAFETY: the plugin keeps the event alive until this function returns.
        let json = unsafe { event.as_bytes() };
        let event = serde_json::from_slice(json).unwrap_or_else(|error| RunEvent::Log {
            at_ms: 0,
            level: LogLevel::Warning,
            message: format!(
                "the plugin sent an event that this version does not know ({error}): {}",
                String::from_utf8_lossy(json)
            ),
        });
        context.callbacks.emit(event);
    });
}

unsafe extern "C" fn is_cancelled(context: *const c_void) -> u32 {
    // SAFETY: as in `emit`.
    let context = unsafe { &*context.cast::<CallContext<'_>>() };
    let cancelled = context.has_fault() || context.guard(true, || context.callbacks.is_cancelled());
    u32::from(cancelled)
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
