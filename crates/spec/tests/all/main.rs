//! What the public interface promises for every input: properties, and vectors made by Go.

mod documents;
mod names;
mod strategies;
mod vectors;
mod wire;
