//! What README and guide tell people to type works, what they show is what is printed, and
//! their links lead somewhere.

mod links;
mod page;
mod quick_start;
mod readme;
mod reference;
mod typist;
