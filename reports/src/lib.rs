//! Run records and reports.
#![forbid(unsafe_code)]
