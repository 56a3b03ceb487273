//! Artifacts that a person wants to see: metrics, curves, matrices, pages.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Artifact;

/// What an artifact shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Numbers and texts with names.
    Metrics(Metrics),
    /// How well a classifier separates.
    Classification {
        /// The points of its ROC curve.
        roc: Vec<RocPoint>,
        /// What it took for what.
        confusion: Option<Confusion>,
    },
    /// The same for parts of the data.
    Sliced(Vec<Slice>),
    /// Its content is a page.
    Html,
    /// Its content is Markdown.
    Markdown,
}

/// Numbers and texts with names, in the task's order.
pub type Metrics = Map<String, Value>;

/// One point of a ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RocPoint {
    /// From which score on something counts as found; may be beyond 1 for the first point.
    pub confidence_threshold: f64,
    /// How much of what should be found is found: 0 to 1.
    pub recall: f64,
    /// How much of what should not be found is: 0 to 1.
    pub false_positive_rate: f64,
}

/// What a classifier took for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The categories, for rows and columns.
    pub categories: Vec<String>,
    /// How often something of the row's category was taken for one of the column's: as many rows as categories, each
    /// with as many numbers.
    pub rows: Vec<Vec<f64>>,
}

/// The metrics of a part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Which part.
    pub slice: String,
    /// The points of its ROC curve.
    pub roc: Vec<RocPoint>,
    /// What was taken for what.
    pub confusion: Option<Confusion>,
}

impl Artifact {
    /// What it shows, by its type. Entries that are not what they should be are left out.
    pub fn shown(&self) -> Option<Shown> {
        match self.kind.title() {
            "system.Metrics" => Some(Shown::Metrics(scalars(&self.metadata))),
            "system.ClassificationMetrics" => {
                let (roc, confusion) = classification(&self.metadata);
                Some(Shown::Classification { roc, confusion })
            }
            "system.SlicedClassificationMetrics" => Some(Shown::Sliced(slices(&self.metadata))),
            "system.HTML" => Some(Shown::Html),
            "system.Markdown" => Some(Shown::Markdown),
            _ => None,
        }
    }
}

fn scalars(metadata: &Map<String, Value>) -> Metrics {
    let scalar = |(_, value): &(&String, &Value)| !value.is_array() && !value.is_object();
    metadata.iter().filter(scalar).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn classification(metadata: &Map<String, Value>) -> (Vec<RocPoint>, Option<Confusion>) {
    let points = metadata.get("confidenceMetrics").and_then(Value::as_array);
    let roc = points.into_iter().flatten().filter_map(roc_point).collect();
    (roc, metadata.get("confusionMatrix").and_then(confusion))
}

/// A number that is missing is 0: protobuf's JSON leaves zeros out.
fn roc_point(point: &Value) -> Option<RocPoint> {
    let point = point.as_object()?;
    let number = |key: &str| match point.get(key) {
        None => Some(0.0),
        // A threshold of infinity is the usual first point, and comes as a text.
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_f64(),
    };
    Some(RocPoint {
        confidence_threshold: number("confidenceThreshold")?,
        recall: number("recall")?,
        false_positive_rate: number("falsePositiveRate")?,
    })
}

fn confusion(matrix: &Value) -> Option<Confusion> {
    let name = |spec: &Value| spec.get("displayName").and_then(Value::as_str).map(str::to_owned);
    let categories: Vec<String> =
        matrix.get("annotationSpecs")?.as_array()?.iter().map(name).collect::<Option<_>>()?;
    let row = |row: &Value| -> Option<Vec<f64>> {
        row.get("row")?.as_array()?.iter().map(Value::as_f64).collect()
    };
    let rows: Vec<Vec<f64>> =
        matrix.get("rows")?.as_array()?.iter().map(row).collect::<Option<_>>()?;
    let square = rows.len() == categories.len() && rows.iter().all(|r| r.len() == categories.len());
    square.then_some(Confusion { categories, rows })
}

fn slices(metadata: &Map<String, Value>) -> Vec<Slice> {
    let slices = metadata.get("evaluationSlices").and_then(Value::as_array);
    let slice = |slice: &Value| {
        let name = slice.get("slice").map(crate::value::text_of)?;
        let (roc, confusion) =
            classification(slice.get("sliceClassificationMetrics")?.as_object()?);
        Some(Slice { slice: name, roc, confusion })
    };
    slices.into_iter().flatten().filter_map(slice).collect()
}
