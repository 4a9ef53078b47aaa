//! The engine on real databases. One binary: servers are shared by its tests.

mod db;
