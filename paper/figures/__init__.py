"""The figures of the reproduction, at print size, drawn from the tables alone."""
