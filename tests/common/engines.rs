//! The engines that the tests of compression run with: those of zlib-rs with the feature `zlib-rs`,
//! which changes no default.

#![allow(dead_code, reason = "each test uses some of it")]

use wscodec::deflate;

#[cfg(not(feature = "zlib-rs"))]
pub(crate) type Deflate = deflate::MinizDeflate;
#[cfg(not(feature = "zlib-rs"))]
pub(crate) type Inflate = deflate::MinizInflate;
#[cfg(feature = "zlib-rs")]
pub(crate) type Deflate = deflate::ZlibDeflate;
#[cfg(feature = "zlib-rs")]
pub(crate) type Inflate = deflate::ZlibInflate;

pub(crate) type DeflatePool = deflate::DeflatePool<Deflate, Inflate>;
pub(crate) type PooledDeflate = deflate::PooledDeflate<Deflate>;
pub(crate) type PooledInflate = deflate::PooledInflate<Inflate>;
