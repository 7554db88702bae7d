//! Replies laid over files, format by format.

use super::format::{Known, Whole};
use super::*;
