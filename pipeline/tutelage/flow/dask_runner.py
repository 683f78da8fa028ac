"""Beam's runner for Dask, which computes a side input once.

Beam's own computes it anew wherever a task reads it, together with all that it depends on, side inputs
included: the number of tasks grows exponentially with their depth. This is no place for other changes.
"""

from typing import Any

from apache_beam.runners.dask import dask_runner


class DaskRunner(dask_runner.DaskRunner):
    """Keeps on the cluster what others read as a side input, as long as it lives."""

    def to_dask_bag_visitor(self, bag_kwargs: dict[str, Any] | None = None) -> Any:
        """What makes Dask's graph of Beam's."""
        plain = dask_runner.DaskRunner.to_dask_bag_visitor(bag_kwargs)

        class Visitor(type(plain)):  # type: ignore[misc]
            def visit_transform(self, transform_node: Any) -> None:
                for side_input in transform_node.side_inputs:
                    producer = side_input.pvalue.producer
                    self.bags[producer] = self.bags[producer].persist()
                super().visit_transform(transform_node)

        # Dask forgets what nobody holds here, and does not see that its tasks hold it.
        self._visitor = Visitor()
        return self._visitor
