//! Requirements become files of known digests, by the real uv, from indexes of our own: folders and a
//! repository of this machine. Without uv or python3 along PATH the tests say so and do nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

mod locks;
mod make;
mod requirements;
mod served;
mod sources;
