//! Compiles `proto/` into types, their canonical proto3 JSON and the descriptors that the checker reads.

use std::{env, fs, path::PathBuf};

const FILES: &[&str] = &[
    "spojka/v1/common.proto",
    "spojka/v1/order.proto",
    "spojka/v1/invoice.proto",
    "spojka/v1/payment.proto",
    "spojka/v1/customer.proto",
    "spojka/v1/subscriber.proto",
    "spojka/v1/step.proto",
];

#[expect(clippy::disallowed_methods, reason = "Cargo tells a build script its folder by the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(FILES)?;
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;
    prost_build::Config::new().btree_map(["."]).compile_fds(compiler.file_descriptor_set())?;
    pbjson_build::Builder::new()
        .register_descriptors(&descriptors)?
        .ignore_unknown_fields()
        .btree_map(["."])
        .build(&[".spojka.v1"])?;
    Ok(())
}
