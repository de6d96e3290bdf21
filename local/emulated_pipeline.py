"""What moto's CodePipeline does not tell: how the last run of each stage went."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError

States = dict[str, list[dict[str, Any]]]
"""By a pipeline's name, its stages as CodePipeline tells them."""


@contextmanager
def emulated_pipelines() -> Iterator[States]:
    """Have moto tell what stands in the dictionary, for as long as the block lasts."""
    states: States = {}

    def get_pipeline_state(response: Any) -> str:
        name = response._get_param("name")
        if name not in states:
            raise JsonRESTError("PipelineNotFoundException", f"there is no pipeline {name}")
        return json.dumps({"pipelineName": name, "stageStates": states[name]})

    with patch.object(CodePipelineResponse, "get_pipeline_state", get_pipeline_state, create=True):
        yield states
