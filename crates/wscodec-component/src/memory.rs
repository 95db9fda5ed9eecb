//! The limit on the memory of the instance.
//!
//! The problem: a host lowers the arguments of a call into the memory of the instance, by
//! `cabi_realloc`, before the call begins. The canonical ABI knows no failure of that function, so an
//! instance whose memory is full would trap, and all its decoders with it. A peer could cause that.
//!
//! Choice: `cargo xtask component` gives every `memory.grow` of the module a limit, and implements
//! `set_max_pages`, which sets it. The limit holds inside of a call only. Between calls, when arguments
//! are lowered, there is none: the caller decides how large its arguments are, and frees them by the call.
//!
//! Invariant: code that a peer's bytes can make allocate runs between [`Inside::enter`] and its end.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::Codec;
use crate::wit::memory::Guest;

/// The bytes of a page of memory.
const PAGE: u64 = 65_536;

/// All pages that there can be.
const ALL: u32 = 65_536;

/// 64 MiB, as in the module for JavaScript.
static LIMIT: AtomicU32 = AtomicU32::new(1024);

mod growth {
    #![allow(unsafe_code, reason = "the build driver implements the function")]

    #[link(wasm_import_module = "wscodec")]
    unsafe extern "C" {
        /// Sets how many pages the memory may have. It changes one global.
        pub(super) safe fn set_max_pages(pages: u32);
    }
}

/// While it lives, the limit holds.
pub(crate) struct Inside(());

impl Inside {
    /// Begins a call.
    #[inline]
    pub(crate) fn enter() -> Self {
        growth::set_max_pages(LIMIT.load(Ordering::Relaxed));
        Self(())
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        growth::set_max_pages(ALL);
    }
}

impl Guest for Codec {
    fn set_max_memory(bytes: u64) {
        let pages = (bytes / PAGE).min(u64::from(ALL));
        LIMIT.store(pages as u32, Ordering::Relaxed);
    }

    fn memory_size() -> u64 {
        core::arch::wasm32::memory_size::<0>() as u64 * PAGE
    }
}
