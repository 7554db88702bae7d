const std = @import("std");

/// A point.
pub const Point = struct {
    x: f32,
    pub fn len(self: Point) f32 {
        return std.math.sqrt(self.x);
    }
};
const limit = 3;
