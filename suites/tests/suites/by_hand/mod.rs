//! What was done by hand at the fault console, and saved as a test: the file below is what `save` wrote.
//!
//! The test of the console compares what is saved with this file; here it is compiled, and done again.

mod saved;

// Its workers are those of the embedded engine, which alone has this.
tribunal::markers!(requires(capability = "device_memory"));
