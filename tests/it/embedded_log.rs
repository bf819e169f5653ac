//! What only the embedded log promises: to survive what happens to a process and to a file.

mod crash;
mod file;
mod full;
mod members;
mod model;
mod queue;
