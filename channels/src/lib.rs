//! Every way out, and the providers' callbacks back in.
