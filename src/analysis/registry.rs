//! All analyses, in the order in which help and pages list them.

use serde_json::{Map, Value};

use super::erased::{AnyAnalysis, Entry};
use super::mteb::{
    Bitext, ClassificationTask, ClusteringTask, Mteb, Multilabel, Pair, RegressionTask, Reranking, Retrieval,
    Sts, Summarization, ZeroShotTask,
};
use super::{
    Align, Bias, Calibrate, CheckFile, Classify, Cluster, Compare, Compress, Customize, DiversityMeasure,
    Drift, DuplicateSearch, Evaluate, Inspect, Knn, LabelErrorSearch, MapRows, NeighborSearch, OutlierSearch,
    Profile, Recommend, Regress, Search, Similarities, ZeroShotLabels,
};

/// A new analysis is one line here.
static REGISTRY: &[&dyn AnyAnalysis] = &[
    &Entry::<Inspect>::new(),
    &Entry::<CheckFile>::new(),
    &Entry::<Cluster>::new(),
    &Entry::<MapRows>::new(),
    &Entry::<Regress>::new(),
    &Entry::<Classify>::new(),
    &Entry::<ZeroShotLabels>::new(),
    &Entry::<Similarities>::new(),
    &Entry::<Evaluate>::new(),
    &Entry::<OutlierSearch>::new(),
    &Entry::<DuplicateSearch>::new(),
    &Entry::<LabelErrorSearch>::new(),
    &Entry::<DiversityMeasure>::new(),
    &Entry::<Drift>::new(),
    &Entry::<Search>::new(),
    &Entry::<NeighborSearch>::new(),
    &Entry::<Knn>::new(),
    &Entry::<Profile>::new(),
    &Entry::<Recommend>::new(),
    &Entry::<Calibrate>::new(),
    &Entry::<Customize>::new(),
    &Entry::<Align>::new(),
    &Entry::<Bias>::new(),
    &Entry::<Mteb<Sts>>::new(),
    &Entry::<Mteb<Pair>>::new(),
    &Entry::<Mteb<Bitext>>::new(),
    &Entry::<Mteb<Retrieval>>::new(),
    &Entry::<Mteb<Reranking>>::new(),
    &Entry::<Mteb<Summarization>>::new(),
    &Entry::<Mteb<ZeroShotTask>>::new(),
    &Entry::<Mteb<RegressionTask>>::new(),
    &Entry::<Mteb<ClassificationTask>>::new(),
    &Entry::<Mteb<Multilabel>>::new(),
    &Entry::<Mteb<ClusteringTask>>::new(),
    &Entry::<Compare>::new(),
    &Entry::<Compress>::new(),
];

/// All analyses.
pub fn registry() -> &'static [&'static dyn AnyAnalysis] {
    REGISTRY
}

/// The analysis of this name.
pub fn find(name: &str) -> Option<&'static dyn AnyAnalysis> {
    REGISTRY.iter().copied().find(|analysis| analysis.name() == name)
}

/// The JSON Schema of every result, by the name of its analysis.
pub fn schema() -> Value {
    let schemas: Map<String, Value> =
        REGISTRY.iter().map(|analysis| (analysis.name().to_owned(), analysis.schema().to_value())).collect();
    Value::Object(schemas)
}
