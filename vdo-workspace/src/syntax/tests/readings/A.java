/* Copyright Somebody */
package com.example.app;

import java.util.List;
import static java.lang.Math.*;

/**
 * Keeps <b>things</b>. For long.
 *
 * @author Somebody
 */
@Entity
public class Keeper<T> extends Base implements Store {
    /** How many. */
    private static final int LIMIT = 3;
    private final List<Thing> things;

    /** Makes one. */
    public Keeper(List<Thing> things) { this.things = things; }

    /** Keeps it. */
    @Override
    public void keep(Thing thing) throws KeepException {
        for (Thing each : things) { each.touch(LIMIT, max(1, 2)); }
        things.forEach(other -> other.drop());
    }

    enum Kind { A, B }
}
