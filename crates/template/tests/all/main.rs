//! What the public interface promises: vectors made by Go.

mod limits;
mod vectors;
