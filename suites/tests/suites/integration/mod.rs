//! L1: several parts of the harness together, the model server imitated.

tribunal::markers!(core_model, cpu, integration, parallel);

mod judging;
