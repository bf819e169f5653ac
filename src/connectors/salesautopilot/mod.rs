//! salesautopilot
