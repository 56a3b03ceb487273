//! `lightship audit`.

use lightship_audit::{Account, ImageReport, report};
use lightship_oci::base::{self, Base};
use lightship_oci::reference::Reference;

use super::{Context, Error, Outcome};
use crate::args::{AuditArgs, SubjectKind};
use crate::images::Images;
use crate::views::audit::{AuditDocument, text};

/// Audits an image; a project is for a later day, and says so.
pub(super) fn run(args: &AuditArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let reference = images.reference(&args.reference)?;
    let is_project = match args.kind {
        Some(kind) => kind == SubjectKind::Project,
        None => matches!(reference, Reference::Project(_)),
    };
    if is_project {
        return Err(Error::ProjectAudit { what: args.reference.clone() });
    }
    let image = images.open(&reference, args.platform.platform.as_ref())?;
    let base = match &args.base {
        Some(base) => Some(base::given(&image, &images.image(base, None)?)?),
        None => base::detect(&image, &images.candidates()),
    };
    let progress = context.reading();
    let account = Account::of(image, progress.as_ref())?;
    let report = draw(&account, base, args);
    let look = context.terminal.out.look;
    context.emit(args.output.format, &AuditDocument(&report), || text(&report, args.top, &look))?;
    Ok(verdict(&report, args))
}

fn draw(account: &Account, base: Option<Base>, args: &AuditArgs) -> ImageReport {
    ImageReport { image: args.reference.clone(), ..report(account, base) }
}

fn verdict(report: &ImageReport, args: &AuditArgs) -> Outcome {
    let fails = |severity| report.findings.iter().any(|finding| finding.severity >= severity);
    match args.fail_on {
        Some(severity) if fails(severity) => Outcome::Findings,
        _ => Outcome::Fine,
    }
}
