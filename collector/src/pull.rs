//! A technician's request for a fresh snapshot, from order to verified document.
