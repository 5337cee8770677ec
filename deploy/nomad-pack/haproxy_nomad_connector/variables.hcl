variable "image" {
  type        = string
  description = "Image of the connector."
  default     = "haproxy-nomad-connector:0.1.0"
}

variable "datacenters" {
  type        = list(string)
  description = "Datacenters that it may run in."
  default     = ["*"]
}

variable "haproxy_address" {
  type        = string
  description = "URL of the Data Plane API. It must be reachable with host networking."
  default     = "http://127.0.0.1:5555"
}

variable "haproxy_username" {
  type        = string
  description = "User of the Data Plane API."
  default     = "admin"
}

variable "frontend" {
  type        = string
  description = "Frontend that gets the routes."
  default     = "https"
}

variable "nomad_namespace" {
  type        = string
  description = "The namespaces to read: * for all, or a list with commas."
  default     = "*"
}

variable "http_port" {
  type        = number
  description = "Health, metrics and status page."
  default     = 8080
}
