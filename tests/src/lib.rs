//! Starts real agents, collectors and browsers, and looks at what their users would see.
