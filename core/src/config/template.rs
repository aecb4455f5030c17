//! Reads CloudFormation templates.
