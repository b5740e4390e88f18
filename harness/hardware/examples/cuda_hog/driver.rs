//! The few calls of NVIDIA's driver that take memory: all `unsafe` of this program.
//!
//! Promise: the library is loaded at run time, so that the program builds and says why where there is none; every call's
//! answer is looked at. Rejected: a binding for all of CUDA, for nine functions.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use libloading::{Library, Symbol};

type Status = c_int;
/// An address on the device.
type Address = u64;
type Context = *mut c_void;

const OUT_OF_MEMORY: Status = 2;
/// One allocation at most: a card whose memory is in pieces gives several small ones where one large would fail.
const PIECE: u64 = 1 << 30;

/// A card with a context on it, current on the thread that opened it.
pub(crate) struct Card {
    library: Library,
    device: c_int,
    total: u64,
}

/// Memory that was taken.
pub(crate) struct Taken<'a> {
    card: &'a Card,
    pieces: Vec<(Address, u64)>,
}

impl Card {
    /// The card of this number, as `CUDA_VISIBLE_DEVICES` counts.
    pub(crate) fn open(number: usize) -> Result<Card, String> {
        // SAFETY: the library is NVIDIA's own under its official name; its initialisers are meant to run in any process.
        let library = unsafe { Library::new("libcuda.so.1") }
            .map_err(|error| format!("there is no CUDA driver here: {error}"))?;
        let mut card = Card {
            library,
            device: 0,
            total: 0,
        };
        let number = c_int::try_from(number).map_err(|_| "no such device")?;
        // SAFETY: the signatures below are those of cuda.h; every pointer is to a live local of the type that is written to.
        unsafe {
            let init: Symbol<'_, unsafe extern "C" fn(c_uint) -> Status> = card.symbol("cuInit")?;
            card.check("cuInit", init(0))?;
            let get: Symbol<'_, unsafe extern "C" fn(*mut c_int, c_int) -> Status> =
                card.symbol("cuDeviceGet")?;
            let mut device: c_int = 0;
            card.check("cuDeviceGet", get(&mut device, number))?;
            let retain: Symbol<'_, unsafe extern "C" fn(*mut Context, c_int) -> Status> =
                card.symbol("cuDevicePrimaryCtxRetain")?;
            let mut context: Context = std::ptr::null_mut();
            card.check("cuDevicePrimaryCtxRetain", retain(&mut context, device))?;
            let current: Symbol<'_, unsafe extern "C" fn(Context) -> Status> =
                card.symbol("cuCtxSetCurrent")?;
            card.check("cuCtxSetCurrent", current(context))?;
            card.device = device;
        }
        card.total = card.free_and_total()?.1;
        Ok(card)
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn free_and_total(&self) -> Result<(u64, u64), String> {
        let (mut free, mut total) = (0_usize, 0_usize);
        // SAFETY: the signature is that of cuda.h; both pointers are to live locals.
        unsafe {
            let info: Symbol<'_, unsafe extern "C" fn(*mut usize, *mut usize) -> Status> =
                self.symbol("cuMemGetInfo_v2")?;
            self.check("cuMemGetInfo", info(&mut free, &mut total))?;
        }
        Ok((free as u64, total as u64))
    }

    /// Takes so many bytes and writes to all of them. What was taken before a refusal is given back.
    pub(crate) fn take(&self, bytes: u64) -> Result<Taken<'_>, String> {
        let mut taken = Taken {
            card: self,
            pieces: Vec::new(),
        };
        let mut left = bytes;
        while left > 0 {
            let piece = left.min(PIECE);
            match self.piece(piece) {
                Ok(address) => taken.pieces.push((address, piece)),
                Err(error) => {
                    let error = format!("{error} after {} of {bytes} bytes", bytes - left);
                    taken.give_back()?;
                    return Err(error);
                }
            }
            left -= piece;
        }
        Ok(taken)
    }

    fn piece(&self, bytes: u64) -> Result<Address, String> {
        let length = usize::try_from(bytes).map_err(|_| "more than there are addresses")?;
        let mut address: Address = 0;
        // SAFETY: the signatures are those of cuda.h; the fill stays within the allocation that was just made.
        unsafe {
            let take: Symbol<'_, unsafe extern "C" fn(*mut Address, usize) -> Status> =
                self.symbol("cuMemAlloc_v2")?;
            self.check("cuMemAlloc", take(&mut address, length))?;
            let fill: Symbol<'_, unsafe extern "C" fn(Address, u8, usize) -> Status> =
                self.symbol("cuMemsetD8_v2")?;
            self.check("cuMemsetD8", fill(address, 1, length))?;
        }
        Ok(address)
    }

    /// # Safety
    /// `T` is the function's type in cuda.h.
    unsafe fn symbol<T>(&self, name: &str) -> Result<Symbol<'_, T>, String> {
        // SAFETY: handed on to the caller.
        unsafe { self.library.get(name.as_bytes()) }
            .map_err(|error| format!("the driver has no {name}: {error}"))
    }

    fn check(&self, call: &str, status: Status) -> Result<(), String> {
        match status {
            0 => Ok(()),
            OUT_OF_MEMORY => Err(format!("CUDA out of memory ({call})")),
            other => Err(format!("{call}: {}", self.name(other))),
        }
    }

    fn name(&self, status: Status) -> String {
        let mut text: *const c_char = std::ptr::null();
        // SAFETY: the signature is that of cuda.h; the text is the driver's own and lives as long as the library.
        unsafe {
            let name: Result<
                Symbol<'_, unsafe extern "C" fn(Status, *mut *const c_char) -> Status>,
                _,
            > = self.symbol("cuGetErrorName");
            match name {
                Ok(name) if name(status, &mut text) == 0 && !text.is_null() => {
                    CStr::from_ptr(text).to_string_lossy().into_owned()
                }
                _ => format!("error {status}"),
            }
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // SAFETY: the signature is that of cuda.h. A driver that refuses is at its end anyway.
        unsafe {
            let release: Result<Symbol<'_, unsafe extern "C" fn(c_int) -> Status>, _> =
                self.symbol("cuDevicePrimaryCtxRelease_v2");
            if let Ok(release) = release {
                release(self.device);
            }
        }
    }
}

impl Taken<'_> {
    pub(crate) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|(_, bytes)| bytes).sum()
    }

    pub(crate) fn give_back(self) -> Result<(), String> {
        for (address, _) in &self.pieces {
            // SAFETY: the signature is that of cuda.h; each address was allocated by this card and is freed once.
            unsafe {
                let free: Symbol<'_, unsafe extern "C" fn(Address) -> Status> =
                    self.card.symbol("cuMemFree_v2")?;
                self.card.check("cuMemFree", free(*address))?;
            }
        }
        Ok(())
    }
}
