//! Compiles the wire's descriptions without any tool beside cargo.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=firstline");
    let files = [
        "firstline/v1/agent.proto",
        "firstline/v1/enrollment.proto",
        "firstline/v1/pull.proto",
        "firstline/v1/record.proto",
    ];
    let descriptors = protox::Compiler::new(["."])?
        .include_source_info(true)
        .include_imports(true)
        .open_files(files)?
        .file_descriptor_set();
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("firstline.v1.descriptors"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".firstline.v1.SnapshotChunk")
        .compile_fds(descriptors)?;
    Ok(())
}
