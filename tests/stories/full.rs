//! Stories against real servers. They need root for some of them: `ops/test full`.

mod servers;
mod storage;
