"""The routes of the API, from the deployed template into MiniStack.

CloudFormation makes them from the API's `Body`, an OpenAPI document that SAM writes. MiniStack ignores it: the stack
would be complete and answer nothing. So they are made here from that same document, through the public API.
"""

import re
from collections.abc import Iterator

import boto3

from tools.errors import StackFailed
from tools.template import Resource, resources

_INTEGRATION = "x-amazon-apigateway-integration"


class Routes:
    """Makes the routes of one deployed stack."""

    def __init__(self, session: boto3.session.Session, endpoint: str, stack: str) -> None:
        self._stack = stack
        self._formation = session.client("cloudformation", endpoint_url=endpoint)
        self._gateway = session.client("apigatewayv2", endpoint_url=endpoint)
        self._functions = session.client("lambda", endpoint_url=endpoint)
        self._integrations: dict[str, str] = {}

    def create(self, api_id: str, declared: set[str]) -> None:
        """Make every route of the processed template, and make sure that they are the declared ones."""
        for key, function in self._processed():
            self._gateway.create_route(ApiId=api_id, RouteKey=key, Target=self._integration(api_id, function))
        made = {route["RouteKey"] for route in self._gateway.get_routes(ApiId=api_id)["Items"]}
        if not made or made != declared:
            raise StackFailed(f"the API has the routes {sorted(made)}, the template declares {sorted(declared)}")

    def _processed(self) -> Iterator[tuple[str, str]]:
        """Give each route of the template that SAM's transform wrote, with the function behind it."""
        answer = self._formation.get_template(StackName=self._stack, TemplateStage="Processed")
        template: Resource = dict(answer["TemplateBody"])
        for _, api in resources(template, "AWS::ApiGatewayV2::Api"):
            for path, operations in api["Properties"]["Body"]["paths"].items():
                for method, operation in operations.items():
                    yield f"{method.upper()} {path}", _function_of(operation[_INTEGRATION])

    def _integration(self, api_id: str, function: str) -> str:
        if function not in self._integrations:
            made = self._gateway.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationMethod="POST",
                IntegrationUri=self._arn(function),
                PayloadFormatVersion="2.0",
            )
            self._integrations[function] = f"integrations/{made['IntegrationId']}"
        return self._integrations[function]

    def _arn(self, function: str) -> str:
        found = self._formation.describe_stack_resource(StackName=self._stack, LogicalResourceId=function)
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        return self._functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]


def _function_of(integration: Resource) -> str:
    """Find the function's logical name in `...functions/${SearchFunction.Arn}/invocations`."""
    if integration["payloadFormatVersion"] != "2.0":
        raise StackFailed(f"the handlers read payload format 2.0, not {integration['payloadFormatVersion']}")
    found = re.search(r"\$\{(\w+)\.Arn\}", integration["uri"]["Fn::Sub"])
    if found is None:
        raise StackFailed(f"no function in the integration {integration['uri']}")
    return found[1]
