//! Every config under `deploy/examples` is right, and what stands beside its flows comes true.

use std::path::Path;

use spojka::{
    config::{FixedEnvironment, Mode, load},
    connectors::VENDORS,
};

#[test]
fn every_example_is_a_right_config() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let config = load(&path, &FixedEnvironment::default(), VENDORS, Mode::CheckOnly);
        let config = config.unwrap_or_else(|report| panic!("{}\n{report}", path.display()));
        assert!(!config.flows.flows().is_empty(), "{} has flows", path.display());
        assert!(config.warnings.is_empty(), "{}: {:?}", path.display(), config.warnings);
        let tests = config.run_tests(&path);
        assert!(tests.report.is_none(), "{}\n{}", path.display(), tests.report.unwrap());
        assert!(tests.passed >= 3, "{} has {} tests", path.display(), tests.passed);
        assert!(path.join("README.md").is_file(), "{} has a page", path.display());
        checked += 1;
    }
    assert!(checked >= 3, "{checked} examples");
}
