//! What may leave the machine, and the ledger of what did.
