//! Tells the tests what is here: `cfg(shared_data)` for the folder of real data, `cfg(chromedriver)` for a browser that
//! tests can drive. Nothing else depends on it.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shared_data)");
    println!("cargo::rerun-if-changed=build.rs");
    if std::path::Path::new("../shared/data").is_dir() {
        println!("cargo::rustc-cfg=shared_data");
    }
    println!("cargo::rustc-check-cfg=cfg(chromedriver)");
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&on_path).any(|folder| folder.join("chromedriver").is_file()) {
        println!("cargo::rustc-cfg=chromedriver");
    }
}
