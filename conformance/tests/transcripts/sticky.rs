//! The transcripts in `transcripts/sticky`.

use crate::run;

#[test]
fn awsalb() {
    run("sticky/awsalb");
}

#[test]
fn awsalbapp() {
    run("sticky/awsalbapp");
}

#[test]
fn awsalbtg() {
    run("sticky/awsalbtg");
}

#[test]
fn upgrade() {
    run("sticky/upgrade");
}
