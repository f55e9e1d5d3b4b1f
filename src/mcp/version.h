/* The program's name and version, as peers and people see it. The build sets GATEHOUSE_VERSION. */
#ifndef GATEHOUSE_MCP_VERSION_H
#define GATEHOUSE_MCP_VERSION_H

#ifndef GATEHOUSE_VERSION
#define GATEHOUSE_VERSION "0.0.0"
#endif

#define MCP_SELF_JSON "{\"name\":\"gatehouse\",\"title\":\"Gatehouse\",\"version\":\"" GATEHOUSE_VERSION "\"}"

#endif
