"""Create the API's routes in MiniStack.

CloudFormation creates routes from the API's `Body`, an OpenAPI document that SAM completes. MiniStack ignores `Body`,
so its API would have no routes. This module creates them from the same document with API Gateway's public API: each
with its integration and its authorizer.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3

from tools.command.errors import StackFailed
from tools.stack.intrinsics import Intrinsics
from tools.stack.template import PREFLIGHT, Resource, resources, route_key

if TYPE_CHECKING:  # the stubs are not installed at run time
    from mypy_boto3_apigatewayv2.type_defs import CorsTypeDef, CreateRouteRequestTypeDef

_INTEGRATION = "x-amazon-apigateway-integration"
_AUTHORIZER = "x-amazon-apigateway-authorizer"
_CORS = "x-amazon-apigateway-cors"
_SIGNED = {"x-amazon-apigateway-authtype": "awsSigv4"}


class Routes:
    """Creates the routes of one deployed stack."""

    def __init__(self, session: boto3.session.Session, endpoint: str, stack: str) -> None:
        self._stack = stack
        self._formation = session.client("cloudformation", endpoint_url=endpoint)
        self._gateway = session.client("apigatewayv2", endpoint_url=endpoint)
        self._functions = session.client("lambda", endpoint_url=endpoint)
        self._api_id = ""
        self._integrations: dict[str, str] = {}
        self._authorizers: dict[str, str] = {}

    def create(self, api_id: str, declared: set[str]) -> None:
        """Replace the API's routes by those of the deployed template.

        Raises:
            StackFailed: they are not the `declared` ones.
        """
        self._api_id = api_id
        self._clear()
        body = self._body()
        schemes = body.get("components", {}).get("securitySchemes", {})
        for key, operation in _operations(body):
            route: CreateRouteRequestTypeDef = {"ApiId": api_id, "RouteKey": key}
            route["Target"] = self._integration(operation[_INTEGRATION])
            for name in (name for guard in operation.get("security", []) for name in guard):
                self._guard(route, name, schemes[name])
            self._gateway.create_route(**route)
        if cors := body.get(_CORS):
            self._gateway.update_api(ApiId=api_id, CorsConfiguration=_cors(cors))
            declared = declared | {PREFLIGHT}
        made = {route["RouteKey"] for route in self._gateway.get_routes(ApiId=api_id)["Items"]}
        if not made or made != declared:
            raise StackFailed(f"the API has the routes {sorted(made)}, the template declares {sorted(declared)}")

    def _clear(self) -> None:
        """Remove the routes, integrations, authorizers and CORS of an earlier deployment."""
        self._gateway.delete_cors_configuration(ApiId=self._api_id)
        for route in self._gateway.get_routes(ApiId=self._api_id)["Items"]:
            self._gateway.delete_route(ApiId=self._api_id, RouteId=route["RouteId"])
        for integration in self._gateway.get_integrations(ApiId=self._api_id)["Items"]:
            self._gateway.delete_integration(ApiId=self._api_id, IntegrationId=integration["IntegrationId"])
        for authorizer in self._gateway.get_authorizers(ApiId=self._api_id)["Items"]:
            self._gateway.delete_authorizer(ApiId=self._api_id, AuthorizerId=authorizer["AuthorizerId"])

    def _body(self) -> Resource:
        """Return the API's OpenAPI document as SAM's transform wrote it, evaluated for the deployment's parameters."""
        answer = self._formation.get_template(StackName=self._stack, TemplateStage="Processed")
        template: Resource = dict(answer["TemplateBody"])
        [deployed] = self._formation.describe_stacks(StackName=self._stack)["Stacks"]
        given = {one["ParameterKey"]: one["ParameterValue"] for one in deployed.get("Parameters", [])}
        [(_, api)] = resources(template, "AWS::ApiGatewayV2::Api")
        body: Resource = Intrinsics(template, given, self._reference).resolve(api["Properties"]["Body"])
        return body

    def _reference(self, name: str, attribute: str | None) -> str:
        found = self._formation.describe_stack_resource(StackName=self._stack, LogicalResourceId=name)
        physical = found["StackResourceDetail"]["PhysicalResourceId"]
        if attribute is None:
            return physical
        return self._functions.get_function(FunctionName=physical)["Configuration"]["FunctionArn"]

    def _integration(self, wanted: Mapping[str, str]) -> str:
        uri = wanted["uri"]
        if uri not in self._integrations:
            made = self._gateway.create_integration(
                ApiId=self._api_id,
                IntegrationType="AWS_PROXY",
                IntegrationMethod=wanted["httpMethod"],
                IntegrationUri=uri,
                PayloadFormatVersion=wanted["payloadFormatVersion"],
            )
            self._integrations[uri] = f"integrations/{made['IntegrationId']}"
        return self._integrations[uri]

    def _guard(self, route: "CreateRouteRequestTypeDef", name: str, scheme: Mapping[str, Any]) -> None:
        if _SIGNED.items() <= scheme.items():
            route["AuthorizationType"] = "AWS_IAM"
            return
        route["AuthorizationType"] = "JWT"
        route["AuthorizerId"] = self._authorizer(name, scheme[_AUTHORIZER])

    def _authorizer(self, name: str, wanted: Mapping[str, Any]) -> str:
        if name not in self._authorizers:
            tokens = wanted["jwtConfiguration"]
            made = self._gateway.create_authorizer(
                ApiId=self._api_id,
                Name=name,
                AuthorizerType="JWT",
                IdentitySource=[wanted["identitySource"]],
                JwtConfiguration={"Issuer": tokens["issuer"], "Audience": tokens["audience"]},
            )
            self._authorizers[name] = made["AuthorizerId"]
        return self._authorizers[name]


def _cors(declared: Mapping[str, Any]) -> "CorsTypeDef":
    """Return the CORS configuration in an OpenAPI document as API Gateway's API wants it."""
    return {
        "AllowOrigins": declared["allowOrigins"],
        "AllowMethods": declared["allowMethods"],
        "AllowHeaders": declared["allowHeaders"],
        "ExposeHeaders": declared["exposeHeaders"],
        "MaxAge": int(declared["maxAge"]),
    }


def _operations(body: Resource) -> Iterator[tuple[str, Resource]]:
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            yield route_key(method, path), operation
