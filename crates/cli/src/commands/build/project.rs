//! What a project's folder asks for, as what locking and building want to know.

use std::path::Path;

use lightship_build::app::AppOptions;
use lightship_build::base;
use lightship_build::lean::Wishes;
use lightship_build::resolve::{Requirements, Source};
use lightship_codec::tar::RootPath;
use lightship_oci::spec::{Platform, RunConfig};
use lightship_packages::lock::{Inputs, PlatformName};

use crate::commands::Error;

/// A project, ready to be locked and built.
pub(super) struct ProjectPlan {
    pub(super) platform: PlatformName,
    pub(super) oci_platform: Platform,
    pub(super) wishes: Wishes,
    pub(super) suite: Option<String>,
    pub(super) python_because: String,
    pub(super) source: Option<Source>,
    pub(super) inputs: Inputs,
    pub(super) app: AppOptions,
    pub(super) run: RunConfig,
}

impl ProjectPlan {
    pub(super) fn of(folder: &Path, platform: &Platform) -> Result<Self, Error> {
        let file = folder.join("requirements.txt");
        let requirements = Requirements::read(&[file])?;
        let source = Source::Requirements { requirements, project: Some(folder.to_owned()) };
        let mut inputs = Inputs::new();
        source.inputs(&mut inputs)?;
        let base = base::Options { python: base::PythonWish::Any, ..base::Options::default() };
        let app = RootPath::parse(b"app").expect("it is a plain name");
        Ok(Self {
            platform: platform.to_string().parse().expect("a platform is one"),
            oci_platform: platform.clone(),
            wishes: Wishes { base, ..Wishes::default() },
            suite: None,
            python_because: "the suite's own".to_owned(),
            source: Some(source),
            inputs,
            app: AppOptions::to("app", app),
            run: RunConfig { working_dir: Some("/app".to_owned()), ..RunConfig::default() },
        })
    }
}
