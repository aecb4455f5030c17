//! Desync mitigation: the table of cases through every layer ([`cases`]), the classifier beside the library that the guide
//! names ([`differential`]), and the document that explains it ([`document`]).

mod balancer;
mod case;
mod cases;
mod departures;
mod differential;
mod document;
mod guardian;
mod http;
mod mutants;
mod snippet;
mod text;
