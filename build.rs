//! Tells the tests whether the folder of real data is here: `cfg(shared_data)`. Nothing else depends on it.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shared_data)");
    println!("cargo::rerun-if-changed=build.rs");
    if std::path::Path::new("../shared/data").is_dir() {
        println!("cargo::rustc-cfg=shared_data");
    }
}
