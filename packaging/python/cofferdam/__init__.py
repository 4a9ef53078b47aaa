"""The program cofferdam, which this package installs as a script; there is no library here."""
