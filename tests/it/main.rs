//! One binary for all integration tests, so that the crate and what it stands on are linked once.
//! A test's module is its topic; `support` runs the command and finds the data.

mod support;

mod analyses;
mod bad_input;
mod benchmark;
mod bias;
mod calibrate;
mod cases_files;
mod chart;
mod chunked_predictions;
mod cluster_cases;
mod cluster_scores;
mod command;
mod compare;
mod compress;
mod contract;
mod coverage;
mod decision_simulations;
mod embed;
mod embed_server;
mod examples;
mod forest;
mod gallery;
mod honest_models;
mod house;
#[cfg(feature = "local-models")]
mod hub;
mod interactive;
#[cfg(feature = "local-models")]
mod local_model;
mod map;
mod memory;
mod metrics;
mod model_reference;
mod models;
mod mteb;
mod notebooks;
mod outputs;
mod pages;
mod quality;
mod quality_graphs;
mod quality_simulations;
mod readme;
mod recommend;
#[cfg(feature = "object-stores")]
mod remote;
mod report_page;
mod rows;
mod scale;
mod scale_formats;
mod score_card;
mod search;
mod several_files;
mod snapshots;
mod split;
#[cfg(feature = "sql")]
mod sql;
mod table_binary;
mod table_damaged;
mod table_text;
mod tokens;
mod transform;
mod zero_shot;
