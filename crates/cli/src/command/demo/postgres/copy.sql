-- Copies the database of the demo; nobody else may be connected to it.
create database copy template notes
